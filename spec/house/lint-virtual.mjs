/**
 * Lints files that do not exist, with the real configuration: reads [{ file, code }] as JSON from stdin and writes the
 * messages of each. A process of its own because ESLint loads its configuration with import(), which Jest cannot do; and
 * without the rules that ask for types, because a file that is not there has none.
 */
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';

const eslint = new ESLint({
  ruleFilter: ({ ruleId }) => /^(house\/|no-|max-|@typescript-eslint\/no-restricted-)/.test(ruleId),
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: false } },
    linterOptions: { reportUnusedDisableDirectives: 'off' },
  },
});

const answers = [];
for (const { file, code } of JSON.parse(await text(process.stdin))) {
  const [result] = await eslint.lintText(code, { filePath: file });
  answers.push(
    (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'fatal'}: ${message}`),
  );
}
process.stdout.write(JSON.stringify(answers));
