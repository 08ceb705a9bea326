// `npm start`: installs what is missing, builds, and becomes the supervisor (apps/start).
import { build, checkNode, ensureRedis, generate, installMissing, runScript } from './bootstrap.mjs';

const beganAtMs = Date.now();

await runScript(async () => {
  checkNode();
  installMissing();
  if (!process.env.REDIS_URL) ensureRedis();
  generate();
  build();
  const { main } = await import('../apps/start/dist/main.js');
  await main(beganAtMs);
});
