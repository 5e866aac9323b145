// Make one script of an example: build.mjs NAME FOLDER-OF-THE-SDK OUT.

import { readFile } from "node:fs/promises";
import { compileScript, parse } from "@vue/compiler-sfc";
import { build } from "esbuild";

const [name, sdk, out] = process.argv.slice(2);

const singleFiles = {
  name: "vue",
  setup(bundler) {
    bundler.onLoad({ filter: /\.vue$/ }, async ({ path }) => {
      const { descriptor } = parse(await readFile(path, "utf8"), { filename: path });
      const { content } = compileScript(descriptor, { id: "example", inlineTemplate: true });
      return { contents: content, loader: "ts", resolveDir: import.meta.dirname };
    });
  },
};

await build({
  entryPoints: [`${import.meta.dirname}/${name}.mjs`],
  outfile: out,
  bundle: true,
  minify: true,
  format: "esm",
  jsx: "automatic",
  nodePaths: [`${import.meta.dirname}/node_modules`],
  define: {
    "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  alias: { ankong: `${sdk}/index.js`, "ankong/fake": `${sdk}/fake.js`, examples: `${sdk}/examples` },
  plugins: [singleFiles],
});
