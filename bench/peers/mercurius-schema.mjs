// The part of schema.graphql that is measured.
export const schema = `
  enum OrderStatus { PENDING APPROVED REJECTED CANCELLED SHIPPED DELIVERED RETURNED }
  enum OrderSortField { PLACED_AT }
  enum SortDirection { DESC }
  input OrderStatusFilter { in: [OrderStatus!] }
  input OrderFilter { status: OrderStatusFilter }
  input OrderOrder { field: OrderSortField! direction: SortDirection! }
  input OrderLineInput { sku: String! quantity: Int! }
  input OrderPlaceInput { lines: [OrderLineInput!]! }
  type Money { amount: String! currencyCode: String! }
  type Customer { id: ID! name: String! email: String }
  type Warehouse { code: String! }
  type StockLevel { onHand: Int! reserved: Int! available: Int! warehouse: Warehouse! }
  type Variant { id: ID! sku: String! name: String! price: Money! stockLevels: [StockLevel!]! }
  type OrderLine { position: Int! quantity: Int! unitPrice: Money! variant: Variant }
  type Order {
    id: ID! number: String! status: OrderStatus! version: Int! placedAt: String! total: Money!
    customer: Customer lines: [OrderLine!]!
  }
  type OrderEdge { cursor: String! node: Order! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type OrderConnection { edges: [OrderEdge!]! pageInfo: PageInfo! }
  type Product {
    id: ID! name: String! description: String createdAt: String! updatedAt: String! variants: [Variant!]!
  }
  type ProductConnection { nodes: [Product!]! }
  type UserError { code: String! message: String! }
  type OrderPlacePayload { order: Order userErrors: [UserError!]! }
  type OrderStatusChanged { cursor: String! occurredAt: String! to: OrderStatus! order: Order! }
  type Query {
    orders(first: Int!, after: String, filter: OrderFilter!, orderBy: OrderOrder!): OrderConnection!
    order(id: ID!): Order
    products(first: Int!): ProductConnection!
  }
  type Mutation { orderPlace(input: OrderPlaceInput!): OrderPlacePayload! }
  type Subscription { orderStatusChanged(after: String): OrderStatusChanged! }
`
