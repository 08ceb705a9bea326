/** One event of a story: a sample's type, and the ids that it shares with the others. */
export interface StoryEvent {
  type: string;
  overrides?: Record<string, unknown>;
}

/** The events of one object's whole life, in order, as `semel send --story` posts them. */
export interface Story {
  name: string;
  description: string;
  /** Returns the events of one run. They share ids that are new in each run. */
  tell(): readonly StoryEvent[];
}
