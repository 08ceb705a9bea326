// A stand-in for the ERP that receives Semel's webhooks.
//   node examples/invoicing/receiver.mjs <port> <secret>
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const [port = '9000', secret = ''] = process.argv.slice(2);
const webhook = new Webhook(secret);
const seen = new Set(); // in production: a unique column in a database

const server = createServer(async (request, response) => {
  const body = await text(request);
  const id = request.headers['webhook-id'];
  try {
    webhook.verify(body, request.headers);
  } catch {
    return response.writeHead(401).end();
  }
  if (!seen.has(id)) console.log(JSON.stringify({ msg: 'erp.told', id, ...JSON.parse(body) }));
  seen.add(id); // deliveries may repeat; the id identifies a duplicate
  response.writeHead(204).end();
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'receiver.started', port: server.address().port }));
});
