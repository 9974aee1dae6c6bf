/** Writes a number with the words for one or for several, such as `1 key` or `2 keys`. */
export function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}
