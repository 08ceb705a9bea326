/** The providers that have settings of their own. The registry in packages/providers has the same names; a test compares them. */
export const providerNames = ['stripe', 'square', 'docusign', 'twilio'] as const;
export type ConfiguredProvider = (typeof providerNames)[number];
