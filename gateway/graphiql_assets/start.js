// Starts GraphiQL on the endpoint that served it. Set the Authorization header in its Headers pane.
// A subscription uses a WebSocket, whose connection_init carries that header.
const ask = GraphiQL.createFetcher({
  url: location.pathname,
  subscriptionUrl: location.origin.replace(/^http/, "ws") + location.pathname,
});

// Without a token, "Bearer " is not a credential. Without it the schema can be read if it is public, else the answer says what is needed.
const withoutEmptyBearer = (headers) =>
  Object.fromEntries(
    Object.entries(headers ?? {}).filter(
      ([name, value]) => name.toLowerCase() !== "authorization" || !/^bearer\s*$/i.test(value),
    ),
  );

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: (parameters, options) => ask(parameters, { ...options, headers: withoutEmptyBearer(options?.headers) }),
    defaultQuery: "# Put a token after Bearer in the Headers pane, then re-fetch the schema and run this.\n{\n  viewer {\n    member {\n      legalName\n    }\n  }\n}\n",
    defaultEditorToolsVisibility: "headers",
    defaultHeaders: '{\n  "Authorization": "Bearer "\n}',
    shouldPersistHeaders: false,
  }),
);
