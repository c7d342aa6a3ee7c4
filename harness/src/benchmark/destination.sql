-- The rows of the destination, in one word.
SELECT md5(string_agg(md5(i::text), '' ORDER BY i.id)) FROM shop_1.items i
