const { graphql } = require("relay-runtime");

graphql`
  query TalkPostsQuery($threadId: ID!) {
    posts(threadId: $threadId, first: 10) @connection(key: "Talk_posts") {
      edges {
        node {
          id
          body
        }
      }
    }
  }
`;

graphql`
  mutation TalkWriteMutation($input: WritePostInput!, $connections: [ID!]!) {
    writePost(input: $input) {
      post @appendNode(connections: $connections, edgeTypeName: "PostEdge") {
        id
        body
      }
      errors {
        code
        path
      }
    }
  }
`;

graphql`
  query TalkAnythingQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on Member {
        displayName
      }
      ... on Thread {
        title
      }
    }
  }
`;
