// Package shop makes up a shop: a database, and what its customers and its staff
// do with it. The same seed gives the same shop and the same statements.
package shop

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"
)

// The sizes of the shop. Together its tables hold some 60,000 rows.
const (
	categories = 60
	products   = 5_000
	customers  = 4_000
	orders     = 12_000
	items      = 24_000
	reviews    = 15_000
)

const schema = `
CREATE TABLE categories (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL
);
CREATE TABLE products (
	id          INTEGER PRIMARY KEY,
	category_id INTEGER NOT NULL REFERENCES categories (id),
	sku         TEXT NOT NULL UNIQUE,
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	price       INTEGER NOT NULL, -- in cents
	stock       INTEGER NOT NULL,
	active      BOOLEAN NOT NULL DEFAULT 1
);
CREATE INDEX products_by_category ON products (category_id, name);
CREATE TABLE customers (
	id    INTEGER PRIMARY KEY,
	email TEXT NOT NULL UNIQUE,
	name  TEXT NOT NULL,
	city  TEXT
);
CREATE TABLE orders (
	id          INTEGER PRIMARY KEY,
	customer_id INTEGER NOT NULL REFERENCES customers (id),
	status      TEXT NOT NULL DEFAULT 'new',
	total       INTEGER NOT NULL,
	placed_at   TEXT NOT NULL
);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at);
CREATE INDEX orders_by_status ON orders (status);
CREATE TABLE order_items (
	order_id   INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
	product_id INTEGER NOT NULL REFERENCES products (id),
	quantity   INTEGER NOT NULL,
	price      INTEGER NOT NULL,
	PRIMARY KEY (order_id, product_id)
);
CREATE INDEX items_by_product ON order_items (product_id);
CREATE TABLE reviews (
	id          INTEGER PRIMARY KEY,
	product_id  INTEGER NOT NULL REFERENCES products (id),
	customer_id INTEGER NOT NULL REFERENCES customers (id),
	author      TEXT NOT NULL, -- as it was when the review was written
	stars       INTEGER NOT NULL,
	body        TEXT,
	created_at  TEXT NOT NULL
);
CREATE INDEX reviews_by_product ON reviews (product_id, created_at);
`

// Build makes the shop in an empty database.
func Build(ctx context.Context, db *sql.DB, seed uint64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("build the shop: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("build the shop: %w", err)
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	for _, fill := range tables {
		if err := fill.run(ctx, tx, rnd); err != nil {
			return fmt.Errorf("build the shop: %w", err)
		}
	}
	return tx.Commit()
}

// fill is one table's insert, and the row it inserts the i-th time.
type fill struct {
	sql  string
	rows int
	row  func(rnd *rand.Rand, i int) []any
}

func (f fill) run(ctx context.Context, tx *sql.Tx, rnd *rand.Rand) error {
	stmt, err := tx.PrepareContext(ctx, f.sql)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i := 1; i <= f.rows; i++ {
		if _, err := stmt.ExecContext(ctx, f.row(rnd, i)...); err != nil {
			return err
		}
	}
	return nil
}

var tables = []fill{
	{"INSERT INTO categories VALUES (?, ?)", categories, func(_ *rand.Rand, i int) []any {
		return []any{i, fmt.Sprintf("%s for the %s", things[i%len(things)], places[i%len(places)])}
	}},
	{"INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, 1)", products, func(rnd *rand.Rand, i int) []any {
		return []any{
			i, 1 + rnd.IntN(categories), sku(i), productName(rnd), sentence(rnd, 30),
			100 + rnd.IntN(200)*50, rnd.IntN(500),
		}
	}},
	{"INSERT INTO customers VALUES (?, ?, ?, ?)", customers, func(rnd *rand.Rand, i int) []any {
		return []any{i, email(i), pick(rnd, names) + " " + pick(rnd, names), pick(rnd, cities)}
	}},
	{"INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders, func(rnd *rand.Rand, i int) []any {
		return []any{i, 1 + rnd.IntN(customers), pick(rnd, states), 100 + rnd.IntN(900)*50, moment(i)}
	}},
	{"INSERT OR IGNORE INTO order_items VALUES (?, ?, ?, ?)", items, func(rnd *rand.Rand, i int) []any {
		return []any{1 + (i-1)%orders, 1 + rnd.IntN(products), 1 + rnd.IntN(3), 100 + rnd.IntN(200)*50}
	}},
	{"INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?)", reviews, func(rnd *rand.Rand, i int) []any {
		return []any{
			i, 1 + rnd.IntN(products), 1 + rnd.IntN(customers), pick(rnd, names),
			1 + rnd.IntN(5), sentence(rnd, 20), moment(i),
		}
	}},
}

var (
	things = []string{"Lamps", "Chairs", "Tools", "Plants", "Books", "Toys", "Shoes"}
	places = []string{"garden", "kitchen", "office", "bath", "hall", "cellar", "roof", "street", "school"}
	names  = []string{"Ada", "Blaise", "Carl", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Joan", "Karen", "Lise"}
	states = []string{"paid", "shipped", "shipped", "done"}
	cities = []string{"Ghent", "Graz", "Porto", "Turku", "Leeds", "Lviv", "Nantes", "Bergen"}
	words  = []string{
		"light", "solid", "round", "small", "quiet", "warm", "blue", "oak", "steel", "soft", "plain",
		"for", "with", "and", "without", "every", "day", "hand", "made", "long", "short", "lasting",
	}
)

func sku(i int) string   { return fmt.Sprintf("SKU-%06d", i) }
func email(i int) string { return fmt.Sprintf("customer%d@example.org", i) }

func productName(rnd *rand.Rand) string {
	return pick(rnd, words) + " " + pick(rnd, words) + " " + pick(rnd, things)
}

func pick(rnd *rand.Rand, from []string) string { return from[rnd.IntN(len(from))] }

func sentence(rnd *rand.Rand, n int) string {
	var b []byte
	for range n {
		b = append(append(b, pick(rnd, words)...), ' ')
	}
	return string(b)
}

// moment is the i-th minute of the shop's history.
func moment(i int) string {
	return time.Date(2025, 1, 1, 0, i, 0, 0, time.UTC).Format(time.DateTime)
}
