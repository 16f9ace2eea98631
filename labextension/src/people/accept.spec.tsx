import type { IInvitationRead, IPerson, ISite } from '../sharing/api';
import type { Received } from './api';

import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { AcceptForm } from './accept';

const trans = nullTranslator.load('jupyter_mesh');
const COAST = { domain: 'coast.example', title: 'Coast Institute' };
const SITE: ISite = { ...COAST, homepage: '', lists: [], own: false };
const READ: IInvitationRead = {
  site: SITE,
  own: false,
  needsSite: false,
  me: { name: 'maya', site: 'Alpine University' },
  tells: ['name', 'e-mail address', 'user name']
};
const JAN: IPerson = {
  key: 'contact:jan@coast.example',
  kind: 'contact',
  name: 'Jan Novak',
  username: '',
  members: null,
  site: COAST
};

function failure(status: number, message: string): Error {
  const response = new Response(JSON.stringify({ message }), { status });
  return new ServerConnection.ResponseError(response, message);
}

describe('AcceptForm', () => {
  const read = jest.fn<Promise<IInvitationRead>, [Received, string | null]>();
  const accept = jest.fn<Promise<IPerson>, [Received, string | null]>();
  const onAccepted = jest.fn();
  const close = jest.fn();

  const show = async (received: Received | null): Promise<void> => {
    render(
      <AcceptForm
        received={received}
        read={read}
        accept={accept}
        findSites={() => Promise.resolve([SITE])}
        onAccepted={onAccepted}
        close={close}
        trans={trans}
      />
    );
    await act(() => Promise.resolve());
  };
  const press = async (name: string): Promise<void> => {
    fireEvent.click(screen.getByRole('button', { name }));
    await act(() => Promise.resolve());
  };
  const write = (value: string, inputType = 'insertText'): void => {
    fireEvent.input(screen.getByRole('textbox'), {
      target: { value },
      inputType
    });
  };

  beforeEach(() => {
    jest.resetAllMocks();
    read.mockResolvedValue(READ);
    accept.mockResolvedValue(JAN);
  });

  it('sends nothing to the other site before somebody accepts', async () => {
    await show({ text: 'a-code' });
    expect(screen.getByText(/Somebody at Coast Institute/)).toBeTruthy();
    expect(screen.getByText(/Accepting tells Coast Institute/)).toBeTruthy();
    expect(accept).not.toHaveBeenCalled();
    await press('Accept');
    expect(accept).toHaveBeenCalledWith({ text: 'a-code' }, null);
    expect(onAccepted).toHaveBeenCalledWith(JAN);
    expect(screen.getByRole('status').textContent).toContain(
      'You and Jan Novak (Coast Institute) are contacts now'
    );
  });

  it('reads what is pasted at once', async () => {
    await show(null);
    write('a-code', 'insertFromPaste');
    await act(() => Promise.resolve());
    expect(read).toHaveBeenCalledWith({ text: 'a-code' }, null);
    expect(accept).not.toHaveBeenCalled();
    expect(document.activeElement?.textContent).toBe('Accept');
  });

  it('keeps what was pasted when it is none', async () => {
    read.mockRejectedValue(failure(400, 'No invitation was found.'));
    await show(null);
    write('see you tomorrow');
    await press('Continue');
    expect(screen.getByRole('alert').textContent).toContain(
      'No invitation was found.'
    );
    const field = screen.getByRole<HTMLTextAreaElement>('textbox');
    expect(field.value).toBe('see you tomorrow');
    write('something else');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('asks where from if the text does not tell, and accepts from there', async () => {
    read.mockResolvedValueOnce({ ...READ, site: null, needsSite: true });
    await show(null);
    write('bare-code');
    await press('Continue');
    await act(async () => {
      await new Promise(resolve => setTimeout(resolve, 20));
    });
    await press('Coast Institute coast.example');
    expect(read).toHaveBeenLastCalledWith({ text: 'bare-code' }, COAST.domain);
    await press('Accept');
    expect(accept).toHaveBeenCalledWith({ text: 'bare-code' }, COAST.domain);
  });

  it('offers no way to accept what is from the own site', async () => {
    read.mockResolvedValue({ ...READ, own: true });
    await show({ text: 'a-code' });
    expect(screen.getByText(/where you are at home/)).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Accept' })).toBeNull();
  });

  it('says that they are contacts already', async () => {
    accept.mockRejectedValue(failure(409, 'contacts already'));
    await show({ text: 'a-code' });
    await press('Accept');
    expect(onAccepted).toHaveBeenCalledWith(null);
    expect(screen.getByText(/are contacts already/)).toBeTruthy();
  });

  it('can be tried again when the other site does not answer', async () => {
    accept.mockRejectedValueOnce(failure(503, 'Coast does not answer.'));
    await show({ text: 'a-code' });
    await press('Accept');
    expect(screen.getByRole('alert').textContent).toContain(
      'Coast does not answer.'
    );
    expect(onAccepted).not.toHaveBeenCalled();
    await press('Accept');
    expect(onAccepted).toHaveBeenCalledWith(JAN);
  });

  it('can be read again when it could not be read on arrival', async () => {
    read.mockRejectedValueOnce(failure(503, 'Alpine does not answer.'));
    await show({ nonce: 'n' });
    expect(screen.getByRole('alert').textContent).toContain(
      'Alpine does not answer.'
    );
    await press('Retry');
    expect(screen.getByText(/Somebody at Coast Institute/)).toBeTruthy();
  });
});
