// A button in the title of a section or above a document: it does something, and does not stay pressed.
import {
  addToolbarButtonClass,
  ReactWidget,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';
import * as React from 'react';

/** Lab's own with words, without the state of a switch that its widget keeps. */
export function actionButton(
  props: Pick<
    ToolbarButtonComponent.IProps,
    'label' | 'tooltip' | 'icon' | 'onClick'
  >
): ReactWidget {
  return addToolbarButtonClass(
    ReactWidget.create(<ToolbarButtonComponent {...props} />)
  );
}
