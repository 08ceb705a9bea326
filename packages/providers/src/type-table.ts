import type { Provider, Sample } from '@semel/core';

/** One provider's table in docs/providers/types.md: what its rule does with the sample of each type. */
export function renderTypeTable(provider: Provider): string {
  const rows = provider.samples.map((sample) => {
    const { acted, recorded } = resultOf(provider, sample);
    return `| \`${sample.type}\` | ${sample.description} | ${acted} | ${recorded} |`;
  });
  return ['| Type | What it says | Acted on | Recorded |', '|---|---|---|---|', ...rows].join('\n');
}

function resultOf(provider: Provider, sample: Sample): { acted: string; recorded: string } {
  const { body } = sample.build({ account: null, nowMs: 0 });
  const { channel } = sample;
  const secret = provider.newSecret();
  const { headers } = provider.sign(
    { channel, headers: {}, body },
    { url: 'https://x.test/', secret, nowMs: 0 },
  );
  const event = {
    v: 2 as const,
    firmId: '',
    provider: provider.name,
    ...provider.identify(body, channel, headers),
    channel,
    endpointId: '',
    receivedAtMs: 0,
    body: { utf8: '' },
    sha256: '',
    ignored: null,
  };
  const { changes, ignored } = provider.changesOf(event, body);
  const entities = [...new Set(changes.map(({ entity }) => entity))];
  return ignored === null
    ? { acted: entities.join(', '), recorded: 'yes' }
    : { acted: '–', recorded: `yes, as \`ignored\`: \`${ignored}\`` };
}
