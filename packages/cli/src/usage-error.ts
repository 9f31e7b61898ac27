/** Something the user wrote is wrong; the message says what and where. The process ends with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
