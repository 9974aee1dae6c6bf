import type { DeliveryResult } from '../../dialler.ts';
import {
  type DiallerResponse,
  discardBody,
  type Post,
  parseRetryAfter,
  readText,
  resultOfError,
  resultOfRedirect,
} from '../http-client.ts';
import { RequestFailed } from './request-failed.ts';
import type { RequestGate } from './request-gate.ts';
import { isLoginPause, type Line, parseLines, senderPause } from './response.ts';
import type { VicidialSettings } from './settings.ts';

/** A response of VICIdial's API. */
export interface ApiResponse {
  text: string;
  lines: readonly Line[];
}

/** A function of VICIdial's non-agent API. */
type ApiFunction =
  | 'add_lead'
  | 'update_lead'
  | 'lead_search'
  | 'lead_field_info'
  | 'list_custom_fields'
  | 'version';

const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };

/** Client of VICIdial's non-agent API. */
export class VicidialApi {
  readonly #settings: Pick<VicidialSettings, 'url' | 'user' | 'password'>;
  readonly #post: Post;
  readonly #gate: RequestGate;

  /** @param gate that of every request of this server */
  constructor(settings: Pick<VicidialSettings, 'url' | 'user' | 'password'>, post: Post, gate: RequestGate) {
    this.#settings = settings;
    this.#post = post;
    this.#gate = gate;
  }

  /**
   * Calls a function of the API and reads its response to the end: PHP may end a script whose client hangs up early.
   *
   * @throws {RequestFailed} with the result of the attempt
   */
  async call(
    name: ApiFunction,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<ApiResponse> {
    await this.#gate.enter(signal);
    try {
      const response = await this.#send(name, parameters, signal);
      this.#gate.leave();
      return response;
    } catch (error) {
      const { connectionReleased, pause } = error instanceof RequestFailed ? error.result : {};
      // Each further failed login would bring the user closer to its lock.
      if (error instanceof RequestFailed && isLoginPause(pause)) this.#gate.close(error);
      void Promise.resolve(connectionReleased).then(() => this.#gate.leave());
      throw error;
    }
  }

  async #send(
    name: ApiFunction,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<ApiResponse> {
    const { url, user, password } = this.#settings;
    // PHP drops the members after the thousandth, so these come first.
    const form = new URLSearchParams({
      source: 'leadsapi',
      user,
      pass: password,
      function: name,
      ...parameters,
      // VICIdial writes the last member into its log without escaping it: an apostrophe there would end the script.
      format: 'text',
    });
    const posted = await this.#post(url, { headers, body: form.toString(), signal });
    if ('failure' in posted) throw new RequestFailed(posted.failure);
    const text = await readResponse(posted.response);
    const lines = parseLines(text);
    const error = lines.find(({ kind }) => kind === 'ERROR');
    const hasSucceeded = lines.some(({ kind }) => kind === 'SUCCESS');
    const pause = error === undefined || hasSucceeded ? undefined : senderPause(error.message);
    if (error !== undefined && pause !== undefined) {
      throw new RequestFailed({ outcome: 'unavailable', response: error.message, pause });
    }
    return { text, lines };
  }
}

async function readResponse(response: DiallerResponse): Promise<string> {
  const { statusCode: status } = response;
  if (status !== 200 && status !== 500) {
    throw new RequestFailed({ ...resultOfStatus(response), connectionReleased: discardBody(response) });
  }
  try {
    const text = await readText(response);
    if (status === 200) return text;
    throw new RequestFailed(resultOfStatus(response), text);
  } catch (error) {
    if (error instanceof RequestFailed) throw error;
    // An incomplete response proves nothing. The request was sent.
    throw new RequestFailed(resultOfError(error));
  }
}

/**
 * Returns the result of a status other than 200. It comes from a proxy, an interrupted script or a failure of the
 * database, because VICIdial itself always responds 200.
 */
function resultOfStatus(response: DiallerResponse): DeliveryResult {
  const { statusCode: status } = response;
  if (status >= 300 && status < 400) return resultOfRedirect(status);
  const retryAfter = parseRetryAfter(response);
  const isRefused = (status >= 400 && status < 500) || status === 503;
  const result = { outcome: isRefused ? 'unavailable' : 'unknown', response: `HTTP ${status}` } as const;
  return retryAfter === undefined ? result : { ...result, retryAfter };
}
