package main

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Article is what the blog is made of.
type Article struct {
	ID       int64 `gorm:"primaryKey"`
	Title    string
	Category string `gorm:"index"`
	Body     string
}

// Count is a category with the number of its articles.
type Count struct {
	Category string
	N        int64
}

// articles reads and writes them. Nothing here knows of a cache.
type articles struct{ db *gorm.DB }

func (a articles) one(ctx context.Context, id int64) (Article, error) {
	return gorm.G[Article](a.db).Where("id = ?", id).First(ctx)
}

func (a articles) latest(ctx context.Context, n int) ([]Article, error) {
	return gorm.G[Article](a.db).Order("id DESC").Limit(n).Find(ctx)
}

func (a articles) categories(ctx context.Context) (out []Count, err error) {
	err = a.db.WithContext(ctx).Model(&Article{}).Select("category, count(*) AS n").Group("category").Order("category").Scan(&out).Error
	return out, err
}

func (a articles) save(ctx context.Context, one *Article) error {
	return a.db.WithContext(ctx).Save(one).Error
}

// seed fills an empty database.
func (a articles) seed(ctx context.Context) error {
	if err := a.db.WithContext(ctx).AutoMigrate(&Article{}); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	var n int64
	if err := a.db.WithContext(ctx).Model(&Article{}).Count(&n).Error; err != nil || n > 0 {
		return err
	}
	first := make([]Article, 12)
	for i := range first {
		first[i] = Article{
			Title: fmt.Sprintf("Article %d", i+1), Category: []string{"news", "notes", "code"}[i%3],
			Body: fmt.Sprintf("This is what article %d says: 1 < 2 & so on.", i+1),
		}
	}
	return a.db.WithContext(ctx).Create(&first).Error
}
