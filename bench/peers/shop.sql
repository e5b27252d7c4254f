-- What the peers need in the database: placing an order in one round trip. No log, no ledger, no keys, no rights.
CREATE SCHEMA bench;

CREATE FUNCTION bench.order_place(customer uuid, skus text[], quantities integer[]) RETURNS public.orders
LANGUAGE plpgsql AS $$
DECLARE
  placed public.orders;
  taken integer;
BEGIN
  INSERT INTO public.orders (number, customer_id, status, total, currency)
    SELECT 'B-' || nextval('public.order_numbers'), customer, 'PENDING', sum(v.price * l.quantity), min(v.currency)
    FROM unnest(skus, quantities) AS l (sku, quantity) JOIN public.variants v ON v.sku = l.sku
    RETURNING * INTO placed;
  INSERT INTO public.order_lines (order_id, position, variant_id, description, quantity, unit_price, currency)
    SELECT placed.id, l.position, v.id, v.name, l.quantity, v.price, v.currency
    FROM unnest(skus, quantities) WITH ORDINALITY AS l (sku, quantity, position)
    JOIN public.variants v ON v.sku = l.sku;
  UPDATE public.stock_levels s SET reserved = s.reserved + l.quantity
    FROM unnest(skus, quantities) AS l (sku, quantity) JOIN public.variants v ON v.sku = l.sku
    WHERE s.variant_id = v.id AND s.on_hand - s.reserved >= l.quantity;
  GET DIAGNOSTICS taken = ROW_COUNT;
  IF taken < cardinality(skus) THEN
    RAISE EXCEPTION 'Sold out.';
  END IF;
  RETURN placed;
END $$;

-- A column of its own for PostGraphile, which finds it by its name.
CREATE FUNCTION public.stock_levels_available(level public.stock_levels) RETURNS integer
LANGUAGE sql STABLE AS 'SELECT level.on_hand - level.reserved';

-- The key of the table has the variant's flag in it, for which there is no index; PostGraphile follows this one instead.
COMMENT ON TABLE public.stock_levels IS E'@foreignKey (variant_id) references public.variants (id)|@foreignFieldName levels';
