/** The reason for which Citus refuses a statement on a distributed table with 0A000; `null` if it runs it. */
export function citusRefusal(_text: string): string | null {
  return null
}
