/** A member of at most one list, with its neighbours there. */
export interface Listed {
  previous: Listed | undefined;
  next: Listed | undefined;
}

/**
 * The connections that are idle, the longest idle first. The links are in the members themselves: adding and removing
 * one, as each request does, allocates nothing.
 */
export class IdleList<Member extends Listed> {
  #first: Listed | undefined;
  #last: Listed | undefined;

  /** Returns the member that was added first. */
  first(): Member | undefined {
    // The cast: only `add` makes something a member.
    return this.#first as Member | undefined;
  }

  /** Adds something that is not a member. */
  add(member: Member): void {
    member.previous = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
  }

  /** Removes a member; does nothing if it is not one. */
  remove(member: Member): void {
    const { previous, next } = member;
    if (previous === undefined && this.#first !== member) return;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    member.previous = undefined;
    member.next = undefined;
  }
}
