/**
 * CTE with the rows of `sent` (`id`, `partner_id`, `idempotency_key`, `fingerprint`) whose idempotency key already has
 * a record, and that record. `is_same_request` is false if the key belongs to another request.
 */
export const replayedRequests = `
  replayed AS MATERIALIZED (
    SELECT sent.id, record.fingerprint = sent.fingerprint AS is_same_request,
      record.outcome, record.lead_id, record.due_at
    FROM sent CROSS JOIN LATERAL (
      SELECT fingerprint, outcome, lead_id, due_at FROM idempotency_record
      WHERE idempotency_record.partner_id = sent.partner_id
        AND idempotency_record.idempotency_key = sent.idempotency_key
      LIMIT 1
    ) AS record
    WHERE sent.idempotency_key IS NOT NULL
  )`;
