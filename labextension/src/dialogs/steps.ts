// The keyboard in dialogs with several steps.
import * as React from 'react';

/** Gives the keyboard to what is first to do in a part of the page. */
export function focusFirst(place: HTMLElement | null): void {
  (
    place?.querySelector<HTMLElement>('input, textarea') ??
    place?.querySelector<HTMLElement>('.jp-mod-accept') ??
    place?.querySelector<HTMLElement>('button')
  )?.focus();
}

/** Gives the keyboard to what is first to do in each step but the one the dialog opens with. */
export function useStepFocus(step: unknown): React.RefObject<HTMLDivElement> {
  const body = React.useRef<HTMLDivElement>(null);
  const first = React.useRef(step);
  React.useEffect(() => {
    if (first.current !== step) {
      first.current = step;
      focusFirst(body.current);
    }
  }, [step]);
  return body;
}
