package shop

// The requests that write.

func (r *request) placeOrder() {
	customer := r.hotCustomers.draw()
	r.nextOrder++
	order := r.nextOrder
	r.do("BEGIN IMMEDIATE")
	r.do("INSERT INTO orders (id, customer_id, total, placed_at) VALUES (?, ?, 0, ?)", order, customer, moment(order))
	bought := map[int]bool{}
	for range 1 + r.rnd.IntN(3) {
		product := r.hotProducts.draw()
		if bought[product] {
			continue
		}
		bought[product] = true
		quantity := 1 + r.rnd.IntN(2)
		r.do("SELECT price, stock FROM products WHERE id = ?", product)
		r.do("INSERT INTO order_items (order_id, product_id, quantity, price) SELECT ?, id, ?, price FROM products WHERE id = ?",
			order, quantity, product)
		r.do("UPDATE products SET stock = stock - ? WHERE id = ?", quantity, product)
	}
	r.do("UPDATE orders SET total = (SELECT SUM(quantity * price) FROM order_items WHERE order_id = ?) WHERE id = ?", order, order)
	if r.rnd.IntN(10) == 0 { // the payment failed
		r.do("ROLLBACK")
		return
	}
	r.do("COMMIT")
}

func (r *request) addReview() {
	r.nextReview++
	r.do("INSERT INTO reviews (product_id, customer_id, author, stars, body, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		r.hotProducts.draw(), r.hotCustomers.draw(), pick(r.rnd, names), 1+r.rnd.IntN(5), sentence(r.rnd, 20), moment(r.nextReview))
}

func (r *request) shipOrder() {
	r.do("UPDATE orders SET status = 'shipped' WHERE id = ? AND status = 'paid'", 1+r.rnd.IntN(r.nextOrder))
}

func (r *request) changePrice() {
	r.do("UPDATE products SET price = ? WHERE id = ?", 100+r.rnd.IntN(200)*50, r.hotProducts.draw())
}

func (r *request) restock() {
	r.do("UPDATE products SET stock = stock + 100 WHERE sku = ?", sku(r.hotProducts.draw()))
}

func (r *request) moveProduct() {
	r.do("UPDATE products SET category_id = ? WHERE id = ?", 1+r.rnd.IntN(categories), r.hotProducts.draw())
}

func (r *request) register() {
	r.nextCustomer++
	id := r.nextCustomer
	r.do("INSERT INTO customers (email, name, city) VALUES (?, ?, ?) ON CONFLICT (email) DO NOTHING",
		email(id), pick(r.rnd, names), pick(r.rnd, cities))
	r.do("SELECT id, name, city FROM customers WHERE email = ?", email(id))
}
