import { crc32, deflateSync } from 'node:zlib';

/** A PNG with the same picture in at most 256 colours: a third of what a browser writes. `page` decodes it, and may be an empty one. */
export async function smallPng(page, png) {
  const { width, height, palette, rows } = await page.evaluate(toPalette, png.toString('base64'));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // bits of an index, into a palette
  const unfiltered = Buffer.concat(rows.map((row) => Buffer.from(`\0${row}`, 'latin1')));
  return Buffer.concat([
    png.subarray(0, 8),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette)),
    chunk('IDAT', deflateSync(unfiltered, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

/** Runs in the browser. Colours that differ least become one, until they fit. */
async function toPalette(base64) {
  const image = new Image();
  image.src = `data:image/png;base64,${base64}`;
  await image.decode();
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, width, height);
  for (let mask = 0xff; ; mask = (mask << 1) & 0xff) {
    const indexes = new Map();
    const palette = [];
    const indexOf = (r, g, b) => {
      const key = ((r & mask) << 16) | ((g & mask) << 8) | (b & mask);
      if (!indexes.has(key)) {
        indexes.set(key, indexes.size);
        palette.push(r, g, b);
      }
      return indexes.get(key);
    };
    const rows = Array.from({ length: height }, (_, y) => {
      const row = new Uint8Array(width);
      for (let x = 0, at = y * width * 4; x < width; x++, at += 4)
        row[x] = indexOf(data[at], data[at + 1], data[at + 2]);
      return String.fromCharCode(...row);
    });
    if (indexes.size <= 256) return { width, height, palette, rows };
  }
}
