import { formatQuantity, parseQuantity, type Quantity, quantityOf } from '@orrery/core';

/** An amount as a quantity, in the format of another one: `cpu` in milli-units, all else in whole units. Pure. */
export function amountText(name: string, amount: number, like: string): string {
  const { format } = parseQuantity(like) as Quantity;
  return formatQuantity(name === 'cpu' ? quantityOf(amount, format, -3) : quantityOf(amount, format));
}
