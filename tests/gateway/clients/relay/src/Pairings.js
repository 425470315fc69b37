const { graphql } = require("relay-runtime");

graphql`
  query PairingsQuery($first: Int!) {
    viewer {
      ...Pairings_viewer @arguments(first: $first)
    }
  }
`;

graphql`
  fragment Pairings_viewer on Viewer
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "PairingsPaginationQuery") {
    pairings(first: $first, after: $after) @connection(key: "Pairings_pairings") {
      edges {
        node {
          id
          status
          mentor {
            ...Pairings_person
          }
        }
      }
    }
  }
`;

graphql`
  fragment Pairings_person on Member @refetchable(queryName: "PairingsPersonQuery") {
    displayName
    points
  }
`;
