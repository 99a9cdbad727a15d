/** Why something could not be copied; the message is one line for the operator. */
export class CopyFault extends Error {
  override readonly name = "CopyFault";
  /** Whether the rest of the rule would fail as well. */
  readonly endsRule: boolean;

  constructor(reason: string, endsRule = false) {
    super(reason);
    this.endsRule = endsRule;
  }
}
