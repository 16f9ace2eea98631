import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

// Warnings count as errors: the script lint runs with --max-warnings 0.
export default tseslint.config(
  { ignores: ['lib/', 'node_modules/', '*.js', '*.mjs'] },
  { plugins: { jupyter } },
  ...jupyter.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked.map(config => ({
    ...config,
    files: ['src/**/*.{ts,tsx}']
  })),
  {
    files: ['src/**/*.{ts,tsx}'],
    languageOptions: {
      parserOptions: {
        project: './tsconfig.test.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      // JupyterLab's own convention for ids and for the options of a class.
      '@typescript-eslint/no-namespace': 'off',
      // Signals take the method and its `this` as two arguments.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      // The panel is drawn at once; what only a dialog needs is imported by its command.
      'jupyter/prefer-lazy-imports': 'off',
      curly: 'error',
      eqeqeq: 'error'
    }
  },
  {
    files: ['src/**/*.spec.{ts,tsx}'],
    rules: { 'jupyter/no-untranslated-string': 'off' }
  },
  prettier
);
