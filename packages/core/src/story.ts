/** One event of a life: a sample's type, and what it shares with the others. */
export interface StoryEvent {
  type: string;
  overrides?: Record<string, unknown>;
}

/** The life of one object, event by event in the order in which it happened: what `semel send --story` plays. */
export interface Story {
  name: string;
  description: string;
  /** A new life: ids are drawn once, and every event of it shares them. */
  tell(): readonly StoryEvent[];
}
