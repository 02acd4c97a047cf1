import type { CodegenConfig } from '@graphql-codegen/cli'

// `graphql-codegen` writes src/graph/ from this, the schema and the operations in src/.
const config: CodegenConfig = {
  schema: '../../schema/schema.graphql',
  documents: 'src/*.ts',
  importExtension: '.js',
  generates: {
    'src/graph/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        useTypeImports: true,
        defaultScalarType: 'unknown',
        scalars: {
          DateTime: 'string',
          Date: 'string',
          E164: 'string',
          FeedCursor: 'string',
          Position: 'string',
          Rupiah: 'string',
          Base64: 'string',
        },
      },
    },
  },
}

export default config
