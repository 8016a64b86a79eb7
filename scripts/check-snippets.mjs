/**
 * Checks the types of every `ts` block of README.md and docs/. A snippet shows what matters: what it leaves out is put in front of
 * it, which is the imports, and the reader's own things, which are those of scripts/snippets/given.ts. A block of options alone
 * (`exec: …`) is one of `listen`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Where names come from that a snippet uses without an import; the first that has one gives it. */
const GIVEN = './scripts/snippets/given.ts';
const SOURCES = [
  ...[GIVEN, 'rxssh', 'rxssh/keys', 'rxssh/operators', 'rxjs'],
  ...['node:fs/promises', 'node:fs', 'node:zlib', 'node:stream/promises'],
];

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))];
const snippets = new Map(
  pages
    .filter((page) => page.endsWith('.md'))
    .flatMap(snippetsOf)
    .map((snippet) => [snippet.file, snippet]),
);

const options = ts.parseJsonConfigFileContent(
  {
    ...ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    include: ['types'],
    files: [GIVEN],
  },
  ts.sys,
  root,
);
const compilerOptions = {
  ...options.options,
  ...{ incremental: false, tsBuildInfoFile: undefined, isolatedModules: false },
  // a snippet need not use what it shows
  ...{ noUnusedLocals: false, noUnusedParameters: false, verbatimModuleSyntax: false },
};
const exported = exportsOf(SOURCES);
for (const snippet of snippets.values()) complete(snippet);

const program = createProgram([...options.fileNames, ...snippets.keys()]);
const problems = [...snippets.values()].flatMap((snippet) =>
  ts.getPreEmitDiagnostics(program, program.getSourceFile(snippet.file)).map((diagnostic) => {
    const at = ts.getLineAndCharacterOfPosition(diagnostic.file, diagnostic.start);
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n  ');
    return `${snippet.page}:${String(snippet.line + at.line)}: ${text}`;
  }),
);
for (const problem of problems) console.error(problem);
console.log(`${String(snippets.size)} snippets, ${String(problems.length)} problems`);
process.exitCode = problems.length === 0 && snippets.size > 0 ? 0 : 1;

/** The blocks of a page; `line` is that of the fence, in whose place the imports come. */
function snippetsOf(page) {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    const file = join(root, `${basename(page, '.md')}-${String(line)}.snippet.ts`);
    return { page, line, file, code: match[1] };
  });
}

function complete(snippet) {
  const { code } = snippet;
  const isOptions = /^(\/\/.*\n)*\w+: /.test(code);
  const whole = isOptions ? `listen({ ...options,\n${code}});\n` : `\n${code}`;
  const source = ts.createSourceFile(snippet.file, whole, ts.ScriptTarget.Latest, true);
  const own = declaredNames(source);
  const used = usedNames(source);
  const imports = SOURCES.map((from) => {
    const names = [...exported.get(from)].filter((name) => used.has(name) && !own.has(name));
    for (const name of names) own.add(name);
    return names.length === 0 ? '' : `import { ${names.join(', ')} } from '${from}'; `;
  });
  snippet.text = `${imports.join('')}${whole}export {};\n`;
}

/** What a module's top level declares, imports included. */
function declaredNames(source) {
  const names = new Set();
  const add = (name) => {
    if (name === undefined) return;
    if (ts.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if ('name' in element) add(element.name);
  };
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement))
      for (const { name } of statement.declarationList.declarations) add(name);
    else if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      add(name);
      if (namedBindings === undefined) continue;
      if (ts.isNamespaceImport(namedBindings)) add(namedBindings.name);
      else for (const element of namedBindings.elements) add(element.name);
    } else if ('name' in statement) add(statement.name);
  }
  return names;
}

function usedNames(source) {
  const names = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** The names of each module. */
function exportsOf(modules) {
  const file = join(root, 'exports.snippet.ts');
  const text = modules.map((from, at) => `import * as m${String(at)} from '${from}';\n`).join('');
  snippets.set(file, { file, text });
  const program = createProgram([...options.fileNames, file]);
  snippets.delete(file);
  const checker = program.getTypeChecker();
  return new Map(
    program
      .getSourceFile(file)
      .statements.map((statement) => statement.moduleSpecifier)
      .map((specifier) => [
        specifier.text,
        new Set(
          checker
            .getExportsOfModule(checker.getSymbolAtLocation(specifier))
            .map(({ name }) => name),
        ),
      ]),
  );
}

/** Snippets are files of the root folder that are nowhere but here. */
function createProgram(files) {
  const host = ts.createCompilerHost(compilerOptions);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => snippets.has(file) || fileExists(file);
  host.readFile = (file) => snippets.get(file)?.text ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const snippet = snippets.get(file);
    if (snippet === undefined) return getSourceFile(file, ...rest);
    return ts.createSourceFile(file, snippet.text, ...rest);
  };
  return ts.createProgram(files, compilerOptions, host);
}
