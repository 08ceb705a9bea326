import { type ChangeSet, nothing } from '@semel/core';

/** Each service defines its own types, so events are recorded and change no objects. */
export const changesOf = (): ChangeSet => nothing('type_not_handled');
