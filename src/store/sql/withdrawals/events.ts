/** Notifies this process, and others if the store can, that a withdrawal has begun or ended. */
export interface WithdrawalEvents {
  emit(): void;
  subscribe(listener: () => void): () => void;
}

/** Returns events of this process only. */
export function localWithdrawalEvents(): WithdrawalEvents {
  const listeners = new Set<() => void>();
  return {
    emit: () => {
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
