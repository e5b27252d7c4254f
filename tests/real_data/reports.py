"""The reports that are compared with the expected figures."""

SALES = """
query Sales($from: Date!, $to: Date!, $interval: ReportInterval!) {
  reports {
    sales(from: $from, to: $to, interval: $interval, timeZone: "Europe/London") {
      rows {
        period orders units gross { amount } returns { amount } net { amount } adjustments { amount }
      }
      total { orders units gross { amount } returns { amount } net { amount } adjustments { amount } }
    }
  }
}
"""

TOP = """
query Top($from: Date!, $to: Date!, $by: TopProductsBy!) {
  reports {
    topProducts(from: $from, to: $to, by: $by, first: 10, timeZone: "Europe/London") {
      units gross { amount } variant { sku }
    }
  }
}
"""

COUNTRIES = """
query Countries($from: Date!, $to: Date!) {
  reports {
    salesByCountry(from: $from, to: $to, timeZone: "Europe/London") {
      country orders creditNotes customers gross { amount } net { amount } adjustments { amount }
    }
  }
}
"""
