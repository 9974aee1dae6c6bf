/** Returns the mobile number of a person. */
export function mobileOf(person: number): string {
  return `+44784${String(person).padStart(7, '0')}`;
}
