-- The sample shop for MariaDB and MySQL: 120 products in 8 categories, 60 customers, 200 orders. The same rows every time.
-- Loaded into the empty database `shop`; it may not drop or change anything, and after a failure it can be loaded again.

CREATE TABLE IF NOT EXISTS category (
    id        INT AUTO_INCREMENT PRIMARY KEY,
    name      VARCHAR(60) NOT NULL UNIQUE,
    parent_id INT NULL,
    CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES category (id)
);

CREATE TABLE IF NOT EXISTS product (
    id          INT AUTO_INCREMENT PRIMARY KEY,
    category_id INT NULL,
    name        VARCHAR(120)   NOT NULL,
    price       DECIMAL(10, 2) NOT NULL CHECK (price >= 0),
    stock       INT            NOT NULL DEFAULT 0,
    active      BOOLEAN        NOT NULL DEFAULT TRUE,
    description TEXT           NULL,
    attributes  JSON           NULL,
    created_at  TIMESTAMP      NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY product_name (name),
    CONSTRAINT product_category FOREIGN KEY (category_id) REFERENCES category (id)
);

CREATE TABLE IF NOT EXISTS customer (
    id     INT AUTO_INCREMENT PRIMARY KEY,
    name   VARCHAR(80)  NOT NULL,
    email  VARCHAR(120) NOT NULL UNIQUE,
    city   VARCHAR(60)  NULL,
    joined DATE         NOT NULL
);

CREATE TABLE IF NOT EXISTS orders (
    id          INT AUTO_INCREMENT PRIMARY KEY,
    customer_id INT NOT NULL,
    status      ENUM ('placed', 'paid', 'shipped', 'returned') NOT NULL DEFAULT 'placed',
    placed_at   DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    note        VARCHAR(200) NULL,
    CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customer (id)
);

CREATE TABLE IF NOT EXISTS order_item (
    order_id   INT NOT NULL,
    line       INT NOT NULL,
    product_id INT NOT NULL,
    quantity   INT NOT NULL DEFAULT 1,
    price      DECIMAL(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line),
    CONSTRAINT order_item_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT order_item_product FOREIGN KEY (product_id) REFERENCES product (id)
);

-- Times are the same wherever the server stands.
SET time_zone = '+00:00';
START TRANSACTION;

INSERT INTO category (id, name, parent_id) VALUES
    (1, 'Home', NULL), (2, 'Garden', NULL), (3, 'Kitchen', 1), (4, 'Lighting', 1),
    (5, 'Furniture', 1), (6, 'Textiles', 1), (7, 'Tools', 2), (8, 'Pots', 2);

-- 12 things in 10 kinds each. Some are sold out, some are no longer sold, some have no description.
INSERT INTO product (id, category_id, name, price, stock, active, description, attributes, created_at)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119)
SELECT i + 1,
       ELT(i % 12 + 1, 5, 5, 4, 3, 3, 3, 6, 6, 7, 7, 8, 4),
       CONCAT(ELT(i DIV 12 + 1, 'Oak', 'Birch', 'Copper', 'Linen', 'Red', 'Small', 'Folding', 'Antique', 'Café', 'Plain'), ' ',
              ELT(i % 12 + 1, 'Trivet', 'Stool', 'Lamp', 'Kettle', 'Pan', 'Spoon', 'Blanket', 'Cushion', 'Spade', 'Rake', 'Pot', 'Lantern')),
       CAST(4.90 + (i * 37 % 113) + (i % 4) * 0.25 AS DECIMAL(10, 2)),
       CASE WHEN i % 9 = 4 THEN 0 ELSE 3 + i * 53 % 90 END,
       i % 17 <> 11,
       CASE WHEN i % 5 = 3 THEN NULL ELSE CONCAT('No. ', i + 1, ' of our catalogue: stands firmly, lasts long.') END,
       JSON_OBJECT('weight_g', 150 + i * 97 % 2400, 'colour', ELT(i % 5 + 1, 'black', 'white', 'green', 'blue', 'natural')),
       TIMESTAMP('2025-01-06 09:00:00') + INTERVAL i * 31 HOUR
FROM n;

INSERT INTO customer (id, name, email, city, joined)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59)
SELECT i + 1,
       CONCAT(ELT(i % 10 + 1, 'Ada', 'Bruno', 'Chloé', 'Dmitri', 'Emine', 'Farid', 'Grete', 'Hana', 'Ivo', 'Jun'), ' ',
              ELT(i DIV 10 + 1, 'Keller', 'Larsen', 'Moreau', 'Novák', 'Okafor', 'Price')),
       CONCAT('customer', i + 1, '@shop.example'),
       CASE WHEN i % 7 = 6 THEN NULL ELSE ELT(i % 6 + 1, 'Basel', 'Oslo', 'Lyon', 'Brno', 'Lagos', 'Leeds') END,
       DATE('2024-03-01') + INTERVAL i * 5 DAY
FROM n;

INSERT INTO orders (id, customer_id, status, placed_at, note)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
SELECT i + 1, i * 7 % 60 + 1, ELT(i % 4 + 1, 'placed', 'paid', 'shipped', 'returned'),
       TIMESTAMP('2025-06-01 08:00:00') + INTERVAL i * 173 MINUTE,
       CASE WHEN i % 10 = 0 THEN 'Please ring twice.' ELSE NULL END
FROM n;

INSERT INTO order_item (order_id, line, product_id, quantity, price)
SELECT o.id, l.line, p.id, (o.id + l.line) % 4 + 1, p.price
FROM orders o
JOIN (SELECT 1 AS line UNION ALL SELECT 2 UNION ALL SELECT 3) l ON l.line <= o.id % 3 + 1
JOIN product p ON p.id = (o.id * 11 + l.line * 29) % 120 + 1;

COMMIT;
