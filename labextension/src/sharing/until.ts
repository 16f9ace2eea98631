// When something is to end, as people choose it.
import type { TranslationBundle } from '@jupyterlab/translation';

import { dayWords } from './words';

export type UntilChoice = 'never' | 'week' | 'month' | 'year' | 'day';

/** A choice; `day` is YYYY-MM-DD and counts for the choice of that name only. */
export interface IUntil {
  choice: UntilChoice;
  day: string;
}

export const NEVER: IUntil = { choice: 'never', day: '' };

/** The end of the day that was chosen, ISO 8601; null for no end, and while no day is chosen. */
export function expiryOf(until: IUntil, now = new Date()): string | null {
  const day = new Date(now);
  switch (until.choice) {
    case 'never':
      return null;
    case 'week':
      day.setDate(day.getDate() + 7);
      break;
    case 'month':
      day.setMonth(day.getMonth() + 1);
      break;
    case 'year':
      day.setFullYear(day.getFullYear() + 1);
      break;
    default: {
      const [year, month, date] = until.day.split('-').map(Number);
      if (!year || !month || !date) {
        return null;
      }
      day.setFullYear(year, month - 1, date);
    }
  }
  day.setHours(23, 59, 59, 0);
  return day.toISOString();
}

/** The choice that stands for a given end. */
export function untilOf(expires: string | null): IUntil {
  return expires ? { choice: 'day', day: dayOf(expires) } : NEVER;
}

/** YYYY-MM-DD where the reader is, as fields for dates have it. */
export function dayOf(time: string | Date): string {
  const date = new Date(time);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map(part =>
    String(part).padStart(2, '0')
  );
  return `${date.getFullYear()}-${month}-${day}`;
}

/** The choices with their words, for a list. */
export function untilChoices(
  trans: TranslationBundle,
  now = new Date()
): [UntilChoice, string][] {
  const words = (choice: UntilChoice): string =>
    dayWords(expiryOf({ choice, day: '' }, now)!, now);
  return [
    ['never', trans.__('no end')],
    ['week', trans.__('a week, until %1', words('week'))],
    ['month', trans.__('a month, until %1', words('month'))],
    ['year', trans.__('a year, until %1', words('year'))],
    ['day', trans.__('a day…')]
  ];
}
