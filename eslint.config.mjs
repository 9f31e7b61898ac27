import tseslint from 'typescript-eslint';

const SHIPPED = ['packages/core/src/**/*.ts', 'packages/plugins/*/src/**/*.ts'];
const TESTS = ['**/*.test.ts', 'packages/core/src/testing/**/*.ts'];
/** The adapters: the only files that may touch the machine's clocks, timers and chance. */
const PLATFORM = ['packages/core/src/kernel/platform.ts', 'packages/plugins/runtime-process/src/helper/platform.ts'];

const ASK = 'Ask for Clock or Random: shipped code must run in virtual time with seeded chance (docs/decisions/0001-time-and-chance.md).';
const call = (object, property) => ({ selector: `MemberExpression[object.name='${object}'][property.name='${property}']`, message: ASK });

export default tseslint.config(
  { ignores: ['**/dist/**', '**/lib/**', '**/node_modules/**', 'docs/**', 'coverage/**', '**/*.mjs', '**/*.js'] },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { project: './tsconfig.lint.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowThrowingAny: true }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-imports': ['error', { paths: [{ name: 'inversify', message: 'Only kernel/boot.ts imports inversify.' }, { name: 'tapable', message: 'Only kernel/hooks.ts imports tapable.' }] }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      'max-lines': ['error', { max: 400 }],
    },
  },
  { files: ['packages/core/src/kernel/boot.ts', 'packages/core/src/kernel/hooks.ts', '**/*.test.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['**/*.test.ts'], rules: { 'max-lines': 'off', '@typescript-eslint/no-explicit-any': 'off' } },
  {
    files: SHIPPED,
    ignores: [...TESTS, ...PLATFORM],
    rules: {
      'no-restricted-globals': ['error', ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({ name, message: ASK }))],
      'no-restricted-syntax': [
        'error',
        call('Date', 'now'),
        call('Math', 'random'),
        call('crypto', 'randomUUID'),
        call('process', 'hrtime'),
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: ASK },
        { selector: "ImportDeclaration[source.value=/^(node:)?(timers|crypto)/] ImportSpecifier[imported.name=/^(setTimeout|setInterval|randomUUID|randomBytes|randomInt)$/]", message: ASK },
      ],
    },
  },
);
