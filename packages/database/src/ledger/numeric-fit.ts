/** Digits that `numeric` holds before and after the decimal point. */
export const wholeDigits = 131_072;
export const fractionDigits = 16_383;
/** PostgreSQL refuses a greater exponent, even that of a zero. */
const exponentLimit = 1_073_741_823;

const zero = 0x30;

export interface ScannedNumber {
  /** The index after its last character. */
  end: number;
  exponent: number;
}

/**
 * Reads the JSON number at `from` into `number`; false if PostgreSQL's `numeric` can't hold it. Digits count as written:
 * zeros after the point included, and an exponent moves the point.
 */
export function scanNumber(json: string, from: number, number: ScannedNumber): boolean {
  const start = json.charCodeAt(from) === 0x2d ? from + 1 : from; // a minus
  let end = endOfDigits(json, start);
  const whole = end - start;
  let fraction = 0;
  if (json.charCodeAt(end) === 0x2e) {
    const point = end;
    end = endOfDigits(json, point + 1);
    fraction = end - point - 1;
  }
  let exponent = 0;
  if ((json.charCodeAt(end) | 0x20) === 0x65) {
    const letter = end;
    end = endOfDigits(json, letter + 2); // the first may be a sign
    exponent = Number(json.slice(letter + 1, end));
    if (Math.abs(exponent) >= exponentLimit) return false;
  }
  number.end = end;
  number.exponent = exponent;
  if (fraction - exponent > fractionDigits) return false;
  if (whole + exponent <= wholeDigits) return true;
  const leading = leadingZeros(json, start);
  return leading === null || whole - leading + exponent <= wholeDigits;
}

function endOfDigits(json: string, from: number): number {
  let at = from;
  for (let char = json.charCodeAt(at); char >= zero && char <= 0x39; char = json.charCodeAt(at)) at++;
  return at;
}

/** Number of leading zeros, ignoring the point; null if the number is zero. */
function leadingZeros(json: string, start: number): number | null {
  let zeros = 0;
  for (let at = start; ; at++) {
    const char = json.charCodeAt(at);
    if (char === zero) zeros++;
    else if (char !== 0x2e) return char > zero && char <= 0x39 ? zeros : null;
  }
}
