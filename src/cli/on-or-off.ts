/** Values of an option that switches something on or off. */
export const onOrOff = ['on', 'off'] as const;

/** Value of an option that switches something on or off. */
export type OnOrOff = (typeof onOrOff)[number];
