/** A set of whole numbers that keeps consecutive ones as a range. Numbers are added in ascending order. */
export class RangeSet {
  #ranges: [first: number, last: number][] = [];

  /** Adds a number that is larger than all others. */
  add(number: number): void {
    const range = this.#ranges.at(-1);
    if (range?.[1] === number - 1) range[1] = number;
    else this.#ranges.push([number, number]);
  }

  /** Removes the numbers of a range. */
  delete(first: number, last: number): void {
    this.#ranges = this.#ranges.flatMap(([from, to]) => {
      if (to < first || from > last) return [[from, to]];
      const rest: [number, number][] = [];
      if (from < first) rest.push([from, first - 1]);
      if (to > last) rest.push([last + 1, to]);
      return rest;
    });
  }

  /** Returns the ranges in ascending order. */
  ranges(): readonly (readonly [first: number, last: number])[] {
    return this.#ranges;
  }
}
