import type { DefinedHandler } from './define-handler.js';

export function matches(handler: DefinedHandler, event: { provider: string; type: string }): boolean {
  if (handler.provider !== event.provider) return false;
  return handler.type.endsWith('*')
    ? event.type.startsWith(handler.type.slice(0, -1))
    : event.type === handler.type;
}
