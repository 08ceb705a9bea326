import { type ChangeSet, nothing } from '@semel/core';

/** What a type means is the service's own: every event is recorded, and none changes anything by itself. */
export const changesOf = (): ChangeSet => nothing('type_not_handled');
