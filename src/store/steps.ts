/** A long change is divided into steps, so that other calls can write between them. */

/** Maximum number of rows of a step. No other call can write during a step. */
export const stepSize = 500;

/** Delay between two steps, during which other processes can write (ms). */
export const stepDelay = 10;
