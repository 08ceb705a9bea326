/** The part of `docusign-esign` in use; the package has no types. */
export interface DocusignSdk {
  ApiClient: {
    new (options: { basePath: string }): ApiClient;
    prototype: { timeout: number };
  };
  EnvelopesApi: new (
    client: ApiClient,
  ) => {
    getEnvelope(account: string, envelopeId: string): Promise<unknown>;
    listRecipients(account: string, envelopeId: string): Promise<unknown>;
  };
}

interface ApiClient {
  timeout: number;
  setOAuthBasePath(host: string): void;
  addDefaultHeader(name: string, value: string): void;
  requestJWTUserToken(
    integrationKey: string,
    userId: string,
    scopes: readonly string[],
    privateKey: string,
    expiresInSeconds: number,
  ): Promise<{ body: unknown }>;
}

/** The SDK's errors, which come from axios. */
export interface Failure {
  code?: string;
  response?: {
    status: number;
    headers: Record<string, unknown>;
    data?: { errorCode?: unknown; error?: unknown };
  };
}
