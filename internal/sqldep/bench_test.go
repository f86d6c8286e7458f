package sqldep

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// long is a statement of some 510 bytes, as an ORM writes it.
const long = "SELECT `users`.`id`,`users`.`name`,`users`.`email`,`users`.`created_at`,`users`.`updated_at`," +
	"`Profile`.`id` AS `Profile__id`,`Profile`.`bio` AS `Profile__bio`,`Profile`.`user_id` AS `Profile__user_id` " +
	"FROM `users` LEFT JOIN `profiles` `Profile` ON `users`.`id` = `Profile`.`user_id` AND `Profile`.`deleted_at` IS NULL " +
	"WHERE (`users`.`status` = ? AND `users`.`age` >= ?) AND `users`.`role` IN (?,?,?) AND `users`.`deleted_at` IS NULL " +
	"ORDER BY `users`.`created_at` DESC, `users`.`id` LIMIT 20 OFFSET 40 -- page 3 of the list"

const inlined = `SELECT "u"."id", "u"."name" FROM "users" AS "u" WHERE ("u"."id" = %d) AND ("u"."name" = 'Bob''s') LIMIT 1`

func BenchmarkLex(b *testing.B) {
	var toks []token
	b.SetBytes(int64(len(long)))
	b.ReportAllocs()
	for b.Loop() {
		l := lexer{src: long, d: catalog.SQLite}
		toks = l.lex(toks[:0])
	}
}

func BenchmarkParse(b *testing.B) {
	l := lexer{src: long, d: catalog.SQLite}
	toks := l.lex(nil)
	b.ReportAllocs()
	for b.Loop() {
		if parse(long, catalog.SQLite, 0, toks, nil) == nil {
			b.Fatal("not parsed")
		}
	}
}

func BenchmarkPlanByText(b *testing.B) {
	p, c := NewPlanner(catalog.SQLite, 0), shop(catalog.SQLite)
	b.ReportAllocs()
	for b.Loop() {
		p.Plan(long, c)
	}
}

// BenchmarkMap is what a bare map takes, for comparison.
func BenchmarkMap(b *testing.B) {
	m := map[string]*Plan{strings.Clone(long): nil}
	for b.Loop() {
		if _, ok := m[long]; !ok {
			b.Fatal("not there")
		}
	}
}

func BenchmarkPlanByTextParallel(b *testing.B) {
	p, c := NewPlanner(catalog.SQLite, 0), shop(catalog.SQLite)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Plan(long, c)
		}
	})
}

// BenchmarkPlanByShape plans texts that differ in a literal, and that were
// forgotten since.
func BenchmarkPlanByShape(b *testing.B) {
	p, c := NewPlanner(catalog.SQLite, 64), shop(catalog.SQLite)
	texts := make([]string, 4096)
	for i := range texts {
		texts[i] = fmt.Sprintf(inlined, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p.Plan(texts[i%len(texts)], c)
		i++
	}
}

func BenchmarkPlanAnew(b *testing.B) {
	c := shop(catalog.SQLite)
	b.ReportAllocs()
	for b.Loop() {
		NewPlanner(catalog.SQLite, 1).Plan(long, c)
	}
}
