/** A number, or a text such as `25%` or the name of a port (intstr.IntOrString). */
export type IntOrString = number | string;

/** A text as a 32 bit number where it is one (intstr.Parse). */
export function parseIntOrString(text: string): IntOrString {
  if (!/^[+-]?\d{1,18}$/.test(text)) return text;
  const number = Number(text);
  return (number | 0) === number ? number + 0 : text;
}

/**
 * A number as it is, a percentage of `total` rounded up or down; undefined when the text is no percentage
 * (intstr.GetScaledValueFromIntOrPercent).
 */
export function scaledIntOrPercent(value: IntOrString, total: number, roundUp: boolean): number | undefined {
  if (typeof value === 'number') return value;
  if (!/^[+-]?\d{1,15}%$/.test(value)) return undefined;
  const exact = (Number(value.slice(0, -1)) * total) / 100;
  return (roundUp ? Math.ceil(exact) : Math.floor(exact)) + 0;
}
