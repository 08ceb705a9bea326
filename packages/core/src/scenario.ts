/** One event of a scenario: a sample's type, and the ids that it shares with the others. */
export interface ScenarioEvent {
  type: string;
  overrides?: Record<string, unknown>;
}

/** The events of one object's whole life, in order, as `semel send --story` posts them. */
export interface Scenario {
  name: string;
  description: string;
  /** Returns the events of one run. They share ids that are new in each run. */
  events(): readonly ScenarioEvent[];
}
