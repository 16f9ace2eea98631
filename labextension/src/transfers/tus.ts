// Uploads by tus (https://tus.io), with the login of every other request. Loaded with the first upload.
import type { ServerConnection } from '@jupyterlab/services';
import type { HttpRequest } from 'tus-js-client';

import { URLExt } from '@jupyterlab/coreutils';
import { DetailedError, Upload } from 'tus-js-client';

import { uploadsUrl } from '../api';
import type { OpenSender } from './sending';

/** Bytes in one request: far below the limit of a server or a proxy, enough for one round trip each to be cheap. */
const PIECE = 32 * 1024 * 1024;

/** Sends to the server of the settings. */
export function tusSender(settings: ServerConnection.ISettings): OpenSender {
  const endpoint = uploadsUrl(settings);
  return (transfer, file, events) => {
    const metadata: Record<string, string> = { path: transfer.path };
    if (transfer.replace !== null) {
      metadata.replace = transfer.replace;
    }
    const upload = new Upload(file, {
      endpoint,
      uploadUrl: transfer.id && URLExt.join(endpoint, transfer.id),
      metadata,
      chunkSize: PIECE,
      // Breaks, and what belongs to which file, are ours to handle: people have to see them.
      retryDelays: null,
      storeFingerprintForResuming: false,
      onBeforeRequest: request => authorize(request, settings),
      onUploadUrlAvailable: () => {
        events.onCreated((upload.url ?? '').split('/').pop() ?? '');
      },
      onProgress: done => events.onProgress(done),
      onSuccess: () => events.onSuccess(),
      onError: error => {
        const response =
          error instanceof DetailedError ? error.originalResponse : null;
        // XMLHttpRequest gives 0 where there was no answer.
        const status = response?.getStatus() || null;
        events.onError(status, response ? sentence(response.getBody()) : '');
      }
    });
    upload.start();
    return Promise.resolve({ stop: () => void upload.abort() });
  };
}

/** As ServerConnection does it, which cannot be used here: it tells no progress. */
function authorize(
  request: HttpRequest,
  settings: ServerConnection.ISettings
): void {
  const inside = request.getUnderlyingObject() as XMLHttpRequest;
  inside.withCredentials = settings.init.credentials === 'include';
  if (settings.token) {
    request.setHeader('Authorization', `token ${settings.token}`);
  }
  // Of cookies of the same name the last one counts for the server, too.
  const cookies = document.cookie.split(';').map(cookie => cookie.trim());
  const xsrf = cookies.filter(cookie => cookie.startsWith('_xsrf=')).pop();
  if (xsrf) {
    request.setHeader('X-XSRFToken', xsrf.slice('_xsrf='.length));
  }
}

/** What the server says for people, or "". */
function sentence(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? '';
  } catch {
    return '';
  }
}
