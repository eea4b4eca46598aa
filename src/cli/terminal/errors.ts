/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** It was not done, for a reason that is no surprise: exit code 1. */
export class Failure extends Error {}

/** Ctrl-C: exit code 130. */
export class Interrupted extends Error {}
