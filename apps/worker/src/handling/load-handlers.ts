import { pathToFileURL } from 'node:url';
import { type DefinedDelivery, type DefinedHandler, isDelivery, isHandler } from '@semel/handlers';

/** The handlers and deliveries that the team's modules define. */
export interface Handlers {
  handlers: readonly DefinedHandler[];
  deliveries: readonly DefinedDelivery[];
}

export const noHandlers: Handlers = { handlers: [], deliveries: [] };

/**
 * Imports the modules, in order. Takes all exports, also those in arrays, that `defineHandler` or `defineDelivery` made. Throws
 * if a module can't be loaded or defines nothing, or if two deliveries share a name.
 */
export async function loadHandlers(
  paths: readonly string[],
  providers: readonly string[],
): Promise<Handlers> {
  const found = new Set<DefinedHandler | DefinedDelivery>(); // a module may export the same one twice
  for (const path of paths) {
    const module = await import(pathToFileURL(path).href).catch((cause: unknown) => {
      throw new Error(`SEMEL_HANDLERS: ${path} can't be loaded: ${(cause as Error)?.message ?? cause}`, {
        cause,
      });
    });
    const defined = Object.values(module as object)
      .flat()
      .filter((value) => isHandler(value) || isDelivery(value));
    if (defined.length === 0)
      throw new Error(`SEMEL_HANDLERS: ${path} exports nothing that defineHandler or defineDelivery made`);
    for (const one of defined) found.add(one);
  }
  const handlers = [...found].filter(isHandler);
  const deliveries = [...found].filter(isDelivery);
  for (const { name, provider } of handlers)
    if (!providers.includes(provider))
      throw new Error(`SEMEL_HANDLERS: the handler "${name}" is for ${provider}, which is not a provider`);
  const names = deliveries.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`SEMEL_HANDLERS: two deliveries have the name "${twice}"`);
  return { handlers, deliveries };
}
