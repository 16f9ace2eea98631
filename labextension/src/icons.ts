import { LabIcon } from '@jupyterlab/ui-components';

/** Three joined nodes. Only fills: the theme colours `jp-icon3` by its fill. */
export const meshIcon = new LabIcon({
  name: 'jupyter-mesh:mesh',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M12 2a4 4 0 0 0-1.35 7.77L7.6 15.06A4 4 0 1 0 9.87 19h4.26a4 4 0 1 0 2.27-3.94l-3.05-5.29A4 4 0 0 0 12 2zm-.38 7.98.38.02.38-.02 2.9 5.03A4 4 0 0 0 14.13 17H9.87a4 4 0 0 0-1.15-1.99z"/>
</svg>`
});
