package shop

// The requests that read.

func (r *request) productPage() {
	id := r.hotProducts.draw()
	r.do("SELECT id, category_id, sku, name, description, price, stock FROM products WHERE id = ? AND active", id)
	r.do("SELECT COUNT(*), AVG(stars) FROM reviews WHERE product_id = ?", id)
	r.do(`SELECT id, author, stars, body, created_at FROM reviews
		WHERE product_id = ? ORDER BY created_at DESC, id DESC LIMIT 5`, id)
	if r.rnd.IntN(20) == 0 {
		r.alsoBought(id)
	}
}

// alsoBought depends on every order there is, and any new one drops it: the kind
// of read that no precision helps.
func (r *request) alsoBought(id int) {
	r.do(`SELECT p.id, p.name, COUNT(*) AS n
		FROM order_items mine
		JOIN order_items other ON other.order_id = mine.order_id AND other.product_id <> mine.product_id
		JOIN products p ON p.id = other.product_id
		WHERE mine.product_id = ? GROUP BY p.id, p.name ORDER BY n DESC, p.id LIMIT 4`, id)
}

func (r *request) categoryPage() {
	id, page := r.hotCategories.draw(), r.rnd.IntN(5)/2
	r.do("SELECT * FROM categories WHERE id = ?", id)
	r.do("SELECT COUNT(*) FROM products WHERE category_id = ? AND active = 1", id)
	r.do(`SELECT id, name, price FROM products
		WHERE category_id = ? AND active = 1 ORDER BY name, id LIMIT 24 OFFSET ?`, id, page*24)
}

// priceSearch is a form with a slider of whole amounts.
func (r *request) priceSearch() {
	low := 1_000 * r.rnd.IntN(8)
	r.do(`SELECT id, name, price FROM products
		WHERE category_id = ? AND price BETWEEN ? AND ? AND active = 1
		ORDER BY price, id LIMIT 20`, r.hotCategories.draw(), low, low+2_000)
}

func (r *request) customerArea() {
	id := r.hotCustomers.draw()
	r.do("SELECT id, name, city FROM customers WHERE email = ?", email(id))
	r.do(`SELECT id, status, total, placed_at FROM orders
		WHERE customer_id = ? ORDER BY placed_at DESC, id DESC LIMIT 10`, id)
	r.do("SELECT EXISTS (SELECT 1 FROM reviews WHERE customer_id = ?)", id)
}

func (r *request) orderPage() {
	id := 1 + r.rnd.IntN(r.nextOrder)
	if r.rnd.IntN(4) > 0 {
		id = r.nextOrder - r.rnd.IntN(min(50, r.nextOrder)) // most look at the latest
	}
	r.do("SELECT id, status, total, placed_at FROM orders WHERE id = ?", id)
	r.do(`SELECT i.quantity, i.price, p.id, p.name
		FROM order_items i JOIN products p ON p.id = i.product_id
		WHERE i.order_id = ? ORDER BY p.name, p.id`, id)
}

// homePage shows the best sellers of a category, and some products by hand.
func (r *request) homePage() {
	r.do("SELECT id, name FROM categories ORDER BY name, id")
	if r.rnd.IntN(4) == 0 {
		r.do(`SELECT p.id, p.name, p.price, SUM(i.quantity) AS sold
			FROM products p JOIN order_items i ON i.product_id = p.id
			WHERE p.category_id = ? GROUP BY p.id ORDER BY sold DESC, p.id LIMIT 10`, r.hotCategories.draw())
	}
	r.do("SELECT id, name, price FROM products WHERE id IN (?, ?, ?)",
		r.hotProducts.draw(), r.hotProducts.draw(), r.hotProducts.draw())
}
