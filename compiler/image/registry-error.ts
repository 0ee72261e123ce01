/** What went wrong between us and a registry, in words for the user. */
export class RegistryError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
